//! Templates: `${KEY}` substitution and Jinja.
