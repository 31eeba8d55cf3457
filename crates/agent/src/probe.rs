//! Health checks, carried out.
