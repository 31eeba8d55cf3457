//! Project files, read without leaving the project.
