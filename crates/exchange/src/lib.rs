//! The embedded telephone exchange: in-process lines, browser phones, personas.
