"""The files that clients take: rendered, shown, handed out, remembered."""
