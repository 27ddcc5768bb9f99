"""Proves the books: folds each wallet's entries again and holds every law over what is stored. It changes nothing."""
