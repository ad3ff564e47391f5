mod best;
mod columns;
mod flags;
mod legacy;
mod network_file;
mod parts;
mod real;
mod recipe;
