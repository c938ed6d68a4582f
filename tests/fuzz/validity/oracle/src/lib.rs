//! The second opinion of the validity fuzzer: wasmparser with exactly guardc's features. The interface is ../oracle.h.

use std::panic::{catch_unwind, AssertUnwindSafe};
use wasmparser::{FuncValidatorAllocations, Parser, Result, ValidPayload, Validator, WasmFeatures};

/// FeatureSet of compiler/frontend/wasm_module.h, all on, and WebAssembly 2.0. 64-bit tables come with memory64 here.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::THREADS);

#[repr(u8)]
enum Outcome {
    Accepted = 0,
    Refused = 1,
    Panicked = 2,
}

#[repr(C)]
pub struct Opinion {
    outcome: u8,
    message_size: u32,
    offset: u64,
    instructions: u64,
}

/// The value that both sides compute over the offsets of all instructions, in order.
fn fold(hash: u64, offset: u64) -> u64 {
    (hash ^ offset).wrapping_mul(0x0000_0100_0000_01b3)
}

/// guardc takes from core 3.0 that constant expressions name globals of the module's own; here that is a part of garbage
/// collection, which is on for modules that do so alone.
fn validate(wasm: &[u8]) -> Result<u64> {
    match validate_with(wasm, FEATURES) {
        Err(error) if error.message().contains("global.get of locally defined global") => {
            validate_with(wasm, FEATURES.union(WasmFeatures::GC))
        }
        verdict => verdict,
    }
}

fn validate_with(wasm: &[u8], features: WasmFeatures) -> Result<u64> {
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut functions = Vec::new();
    for payload in parser.parse_all(wasm) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            functions.push((function, body));
        }
    }
    // As Validator::validate_all and FuncValidator::validate do it, which do not tell where instructions begin.
    let mut instructions = 0xcbf2_9ce4_8422_2325;
    let mut allocations = FuncValidatorAllocations::default();
    for (function, body) in functions {
        let mut function = function.into_validator(allocations);
        let mut reader = body.get_binary_reader();
        function.read_locals(&mut reader)?;
        reader.set_features(features);
        while !reader.eof() {
            let offset = reader.original_position();
            instructions = fold(instructions, offset);
            reader.visit_operator(&mut function.visitor(offset))??;
        }
        reader.finish_expression(&function.visitor(reader.original_position()))?;
        allocations = function.into_allocations();
    }
    Ok(instructions)
}

/// # Safety
/// `wasm` holds `size` bytes, `message` has room for `capacity`.
#[no_mangle]
pub unsafe extern "C" fn validity_oracle(
    wasm: *const u8,
    size: usize,
    message: *mut u8,
    capacity: usize,
) -> Opinion {
    let wasm = std::slice::from_raw_parts(wasm, size);
    let mut opinion = Opinion {
        outcome: Outcome::Accepted as u8,
        message_size: 0,
        offset: 0,
        instructions: 0,
    };
    let say = |text: &str, opinion: &mut Opinion| {
        let length = text.len().min(capacity);
        std::ptr::copy_nonoverlapping(text.as_ptr(), message, length);
        opinion.message_size = length as u32;
    };
    match catch_unwind(AssertUnwindSafe(|| validate(wasm))) {
        Ok(Ok(instructions)) => opinion.instructions = instructions,
        Ok(Err(error)) => {
            opinion.outcome = Outcome::Refused as u8;
            opinion.offset = error.offset();
            say(error.message(), &mut opinion);
        }
        Err(_) => {
            opinion.outcome = Outcome::Panicked as u8;
            say("wasmparser panicked", &mut opinion);
        }
    }
    opinion
}
