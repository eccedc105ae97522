//! ACME.
