//! The C face of Tillroll.
