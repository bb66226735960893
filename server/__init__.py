"""Local pages in the user's own browser: who may ask, static files, and news for open pages."""
