mod real;
mod recipe;
