//! Films and pictures as their users see them.
