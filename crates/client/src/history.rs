//! A conversation's history, out of the store.
