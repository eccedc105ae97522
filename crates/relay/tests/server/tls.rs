//! TLS with certificates from files.
