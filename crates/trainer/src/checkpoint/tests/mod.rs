mod changes;
mod flags;
mod legacy;
mod network_file;
mod parts;
mod real;
mod recipe;
