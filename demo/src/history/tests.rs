//! The past is repeatable, follows the graph but for the faults, and its lines read without defects.
