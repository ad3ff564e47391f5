//! The order of the examples in each epoch is documented, and must never change.

use minibatch_data::{Order, Shuffle, ShuffleState};
use proptest::prelude::*;

/// The documented algorithm, written again from the definitions of SplitMix64 and xoshiro256++.
fn independent_orders(len: u32, seed: u64, epochs: usize) -> Vec<Vec<u32>> {
    let mut counter = seed ^ u64::from_le_bytes(*b"shuffle\0");
    let mut s: [u64; 4] = std::array::from_fn(|_| {
        counter = counter.wrapping_add(0x9e3779b97f4a7c15);
        let z = (counter ^ (counter >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    });
    let mut next = || {
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    };
    (0..epochs)
        .map(|_| {
            let mut order: Vec<u32> = (0..len).collect();
            for i in (1..len as usize).rev() {
                let scaled = u128::from(next()) * (i as u128 + 1);
                order.swap(i, (scaled >> 64) as usize);
            }
            order
        })
        .collect()
}

fn orders(len: usize, seed: u64, epochs: usize) -> Vec<Vec<u32>> {
    let mut shuffle = Shuffle::new(len, seed).unwrap();
    (0..epochs)
        .map(|_| {
            shuffle.begin_epoch();
            shuffle.order().to_vec()
        })
        .collect()
}

#[test]
fn other_orders() {
    let epochs = |order| {
        let mut shuffle = Shuffle::with_order(40, 42, order).unwrap();
        let epochs = [0, 1, 2].map(|_| {
            shuffle.begin_epoch();
            shuffle.order().to_vec()
        });
        // The last epoch is drawn again from its state.
        let mut restored = Shuffle::with_order(40, 0, order).unwrap();
        restored.restore(&shuffle.state()).unwrap();
        assert_eq!(restored.order(), epochs[2]);
        epochs
    };
    let ascending: Vec<u32> = (0..40).collect();
    assert!(epochs(Order::InOrder).iter().all(|order| *order == ascending));
    assert_eq!(epochs(Order::Shuffled).as_slice(), orders(40, 42, 3));
    let drawn = epochs(Order::WithReplacement);
    assert_ne!(drawn[0], drawn[1]);
    for mut order in drawn {
        assert!(order.iter().all(|index| *index < 40));
        order.sort_unstable();
        order.dedup();
        // About 40/e of 40 examples are missed by 40 draws, so 25 different ones are drawn.
        assert!((18..34).contains(&order.len()), "{} different examples", order.len());
    }
}

#[test]
fn golden() {
    let expected: [[u32; 10]; 3] =
        [[3, 9, 5, 0, 2, 8, 4, 7, 6, 1], [5, 8, 0, 2, 4, 1, 7, 3, 6, 9], [7, 8, 2, 0, 9, 4, 3, 5, 1, 6]];
    assert_eq!(orders(10, 42, 3), expected);
    // The first and last examples of the second epoch, at the default job's size.
    let order = &orders(60_000, 1, 2)[1];
    assert_eq!(
        (&order[..4], &order[59_996..]),
        (&[30826, 28721, 58230, 50898][..], &[10745, 58236, 14594, 9056][..])
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn orders_are_permutations_as_documented(len in 0_u32..200, seed in any::<u64>()) {
        let drawn = orders(len as usize, seed, 3);
        prop_assert_eq!(&drawn, &independent_orders(len, seed, 3));
        for mut order in drawn {
            order.sort_unstable();
            prop_assert_eq!(order, (0..len).collect::<Vec<u32>>());
        }
    }

    #[test]
    fn minibatches_cover_the_epoch(len in 0_usize..50, batch_size in 1_usize..60) {
        let mut shuffle = Shuffle::new(len, 3).unwrap();
        shuffle.begin_epoch();
        let batches: Vec<&[u32]> =
            (0..len).step_by(batch_size).map(|position| shuffle.minibatch(position, batch_size)).collect();
        prop_assert_eq!(batches.concat(), shuffle.order());
        prop_assert!(batches.iter().rev().skip(1).all(|batch| batch.len() == batch_size));
        prop_assert_eq!(shuffle.minibatch(len, batch_size), &[] as &[u32]);
        prop_assert_eq!(shuffle.minibatch(usize::MAX, usize::MAX), &[] as &[u32]);
    }

    #[test]
    fn a_restored_shuffle_goes_on_as_if_nothing_had_happened(epochs in 0_usize..4, seed in any::<u64>()) {
        let mut shuffle = Shuffle::new(30, seed).unwrap();
        (0..epochs).for_each(|_| shuffle.begin_epoch());
        let stored = serde_json::to_string(&shuffle.state()).unwrap();

        let mut resumed = Shuffle::new(30, seed ^ 1).unwrap();
        resumed.begin_epoch();
        resumed.restore(&serde_json::from_str(&stored).unwrap()).unwrap();
        prop_assert_eq!(resumed.epoch(), epochs as u64);
        prop_assert_eq!(resumed.state(), shuffle.state());
        for _ in 0..3 {
            prop_assert_eq!(resumed.order(), shuffle.order());
            shuffle.begin_epoch();
            resumed.begin_epoch();
        }
    }
}

/// Every first element and every place of element 0 is about equally likely.
#[test]
fn orders_are_uniform() {
    let (len, rounds) = (7_usize, 14_000_usize);
    let mut shuffle = Shuffle::new(len, 5).unwrap();
    let mut counts = vec![vec![0_usize; len]; len];
    for _ in 0..rounds {
        shuffle.begin_epoch();
        for (place, &index) in shuffle.order().iter().enumerate() {
            counts[place][index as usize] += 1;
        }
    }
    // The counts are binomial with mean 2000 and standard deviation 41. Five deviations are allowed.
    assert!(counts.iter().flatten().all(|count| count.abs_diff(rounds / len) < 207), "{counts:?}");
}

#[test]
fn the_all_zero_state_is_refused() {
    let zero: ShuffleState = serde_json::from_str(r#"{"epoch_start":{"s":[0,0,0,0]},"epoch":1}"#).unwrap();
    let mut shuffle = Shuffle::new(3, 1).unwrap();
    let before = shuffle.state();
    assert!(shuffle.restore(&zero).is_err());
    assert_eq!(shuffle.state(), before);
}
