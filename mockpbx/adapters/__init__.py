"""Where the emulator meets the world: REST, Socket.IO, the database. They do not know each other."""
