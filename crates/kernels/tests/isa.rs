//! Names of instruction sets, and what this machine has.

use minibatch_kernels::{ArithmeticClass, Isa, IsaError, Pool, PoolError};

#[test]
fn names_round_trip() {
    for isa in Isa::available() {
        assert_eq!(isa.name().parse(), Ok(isa));
        assert_eq!(isa.to_string(), isa.name());
        assert_eq!(format!("{isa:?}"), format!("Isa({isa})"));
    }
}

#[test]
fn every_machine_has_the_scalar_sets() {
    let available = Isa::available();
    assert!(available.contains(&Isa::PORTABLE) && available.contains(&Isa::MATRIXMULTIPLY));
    assert!(available.contains(&Isa::detect()));
    let fused = Isa::fused();
    assert!(fused.iter().all(|isa| isa.class() == ArithmeticClass::Fused));
    assert!(fused.contains(&Isa::PORTABLE) && !fused.contains(&Isa::MATRIXMULTIPLY));
    assert_eq!(fused.len() + 1, available.len(), "matrixmultiply is the only set of its class");
}

/// What the machine has, asked of the standard library by another road.
#[cfg(target_arch = "x86_64")]
#[test]
fn detection_agrees_with_the_cpu() {
    let names: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
    assert_eq!(names.contains(&"avx512"), is_x86_feature_detected!("avx512f"));
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    assert_eq!(names.contains(&"avx2"), avx2);
    if avx2 {
        assert_eq!(Isa::detect(), Isa::available()[0], "a machine with FMA takes its fastest set");
    }
}

#[test]
fn unknown_and_missing_names_say_what_there_is() {
    for name in ["", "AVX2", "avx2 ", "sse9"] {
        let error = name.parse::<Isa>().unwrap_err();
        assert_eq!(error, IsaError::Unknown { name: name.to_owned() });
        let message = error.to_string();
        assert!(message.starts_with(&format!("unknown instruction set '{name}': expected ")), "{message}");
        assert!(message.contains("portable, matrixmultiply"), "{message}");
    }
    let message = IsaError::Missing { name: "avx512" }.to_string();
    assert!(message.starts_with("this CPU has no avx512: available are "), "{message}");
    assert!(message.ends_with("portable, matrixmultiply"), "{message}");
}

#[test]
fn a_pool_says_how_many_threads_it_takes() {
    for threads in [0, 4097, usize::MAX] {
        let error = Pool::new(Isa::detect(), threads).unwrap_err();
        assert!(matches!(error, PoolError::Threads { .. }));
        assert_eq!(error.to_string(), format!("{threads} threads asked for: expected 1 to 4096"));
    }
    let members = std::thread::available_parallelism().map_or(1, usize::from).min(3);
    let pool = Pool::new(Isa::PORTABLE, 3).unwrap();
    assert_eq!((pool.isa(), pool.threads(), pool.members()), (Isa::PORTABLE, 3, members));
    assert_eq!(
        pool.run(|team| (team.isa(), team.members())),
        (Isa::PORTABLE, members),
        "no more than there are cores"
    );
    let pool = Pool::oversubscribed(Isa::PORTABLE, 3).unwrap();
    assert_eq!((pool.threads(), pool.members()), (3, 3));
    assert_eq!(format!("{pool:?}"), "Pool(portable, 3 threads)");
    assert_eq!(pool.run(|team| (team.isa(), team.members())), (Isa::PORTABLE, 3));
}
