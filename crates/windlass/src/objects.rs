//! The content store: objects named by digest, compressed.
