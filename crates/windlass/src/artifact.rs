//! Artifacts: archives unpacked into a release.
