//! The Python face of Tillroll.
