use super::*;

#[test]
fn names_are_read_as_they_are_written() {
    for average in Average::all() {
        assert_eq!(average.to_string().parse(), Ok(average.clone()));
        assert_eq!(average.name().parse(), Ok(average));
    }
    for text in ["ema(1)", "ema(-0.1)", "swa(1)", "ema(0.5,1)", "mean"] {
        text.parse::<Average>().expect_err(text);
    }
}

#[test]
fn shares_by_hand() {
    let at = |step| Time { step, total: 8, steps_per_epoch: 2, state: &[] };
    let share = |text: &str, step, count| text.parse::<Average>().expect(text).share(at(step), count);
    assert_eq!(share("ema(0.75)", 0, 0), Some(1.0));
    assert_eq!(share("ema(0.75)", 1, 1), Some(0.25));
    // Epochs of two steps. Those that end beyond a half of the run count: the third and the fourth.
    let swa: Vec<_> = (0..8).map(|step| share("swa(0.5)", step, step / 6)).collect();
    let none = None::<f64>;
    assert_eq!(swa, [none, none, none, none, none, Some(1.0), none, Some(0.5)]);
}
