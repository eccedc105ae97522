//! Where a relay finds its origin.
