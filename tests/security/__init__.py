"""What strangers may put into models and data: it stays text, and it costs little."""
