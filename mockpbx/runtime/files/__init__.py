"""How scenario_files and plan_files read what users write: YAML or JSON in, values or a sentence with the line out."""
