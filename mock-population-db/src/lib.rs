//! Mock of the national population database.
