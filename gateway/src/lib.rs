//! Population verification gateway.
