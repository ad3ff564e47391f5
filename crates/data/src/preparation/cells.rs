//! The way back from a network's inputs to a table's cells.

use super::{InputKind, Preparation, Scaler};

impl Scaler {
    /// The number that was scaled to `y`, as far as rounding left it. A column of equal numbers gives its number.
    #[must_use]
    pub fn unscale(&self, y: f32) -> f64 {
        let y = f64::from(y);
        // The inverse of x/√(1 + (x/3)²) is y/√(1 − (y/3)²).
        let x =
            if self.draws_in { y / (1.0 - (y / 3.0) * (y / 3.0)).max(f64::MIN_POSITIVE).sqrt() } else { y };
        if self.factor == 0.0 { self.offset } else { x / self.factor + self.offset }
    }
}

impl Preparation {
    /// The cells that a row of inputs was made from, a text for each of the [columns](Self::columns). Numbers have six digits. `None` is a
    /// cell without a value, or with a category that the training rows don't have.
    ///
    /// ```
    /// use minibatch_data::{Preparation, Scale, Table, TableOptions, TargetKind};
    ///
    /// let options = TableOptions { targets: vec!["ripe".to_owned()], ..TableOptions::default() };
    /// let text = "width,colour,ripe\n0.1,red,yes\n0.3,green,no\n0.25,blue,yes\n";
    /// let table = Table::from_reader("plums".as_ref(), text.as_bytes(), &options)?;
    /// let (preparation, _) = Preparation::learn(&table, TargetKind::Look, &[0, 1, 2], Scale::Robust)?;
    /// let inputs = preparation.rows(&table).inputs;
    /// let cells = preparation.cells(&inputs[preparation.inputs()..]);
    /// assert_eq!(cells, [Some("0.3".to_owned()), Some("green".to_owned())]);
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Panics
    /// If there are fewer inputs than a row has.
    #[must_use]
    pub fn cells(&self, inputs: &[f32]) -> Vec<Option<String>> {
        let mut at = 0;
        let cell = |column: &super::InputColumn| {
            let own = &inputs[at..][..column.kind.inputs()];
            at += own.len();
            match &column.kind {
                InputKind::Numbers { scaler, .. } => {
                    let lacks = own.get(1).is_some_and(|&lacks| lacks > 0.5);
                    (!lacks).then(|| number(scaler.unscale(own[0])))
                }
                InputKind::Categories { categories, .. } => {
                    let place = match own {
                        [sign] if categories.len() == 2 => (*sign != 0.0).then_some(usize::from(*sign > 0.0)),
                        several => several.iter().position(|&x| x > 0.5),
                    };
                    place.and_then(|place| categories.get(place).cloned())
                }
            }
        };
        self.columns.iter().map(cell).collect()
    }
}

/// A number with six significant digits at most.
fn number(x: f64) -> String {
    let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
    if rounded != 0.0 && !(1e-4..1e9).contains(&rounded.abs()) {
        format!("{rounded:e}")
    } else {
        rounded.to_string()
    }
}

#[cfg(all(test, feature = "table"))]
mod tests {
    use crate::{Missing, Preparation, Scale, Table, TableOptions, TargetKind};

    #[test]
    fn cells_come_back_from_inputs_of_every_scaling() {
        let text = "a,b,c,d,y\n1.5,red,yes,7,0\n-20,blue,no,7,1\n,green,yes,7,0\n30.25,,no,7,1\n";
        let options = TableOptions {
            targets: vec!["y".to_owned()],
            missing: Missing::Median,
            ..TableOptions::default()
        };
        let table = Table::from_reader("t".as_ref(), text.as_bytes(), &options).unwrap();
        for scale in Scale::ALL {
            let (preparation, _) =
                Preparation::learn(&table, TargetKind::Classes, &[0, 1, 2, 3], scale).unwrap();
            let rows = preparation.rows(&table).inputs;
            let cells: Vec<String> = rows
                .chunks(preparation.inputs())
                .map(|row| {
                    preparation
                        .cells(row)
                        .into_iter()
                        .map(Option::unwrap_or_default)
                        .collect::<Vec<_>>()
                        .join(",")
                })
                .collect();
            assert_eq!(cells, ["1.5,red,yes,7", "-20,blue,no,7", ",green,yes,7", "30.25,,no,7"], "{scale}");
        }
    }
}
