"""What a call tells: its dossier, voice metrics, findings, expectations, and the page that shows all of it."""
