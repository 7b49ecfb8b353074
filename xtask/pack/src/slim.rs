//! Takes out of the page's program what is in it and never runs.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, Module, ModuleConfig};

/// Leptos has one for every piece of a page: how it comes to life where the program is loaded in parts, which ours is not.
/// About 12 kB of what a browser loads.
fn never_runs(name: &str) -> bool {
    // The name ends with a hash. Only this very closure: functions of other kinds may share their code with one that does run.
    name.rsplit_once("::").is_some_and(|(path, _)| path.ends_with("::hydrate_async::{{closure}}"))
}

/// What JavaScript could call and never does: streams of server functions, of which there are none. About 4 kB.
fn is_never_called(export: &str) -> bool {
    export.contains("intounderlying")
}

/// Instructions of a function that may look like another one by chance.
const SMALL: u64 = 64;

/// Takes it out, and the functions' names too unless they are asked for.
pub(crate) fn slim(wasm: &Path, names: bool) -> Result<()> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(names).generate_producers_section(false);
    let mut module = config.parse_file(wasm).context("the page's WebAssembly cannot be read")?;
    take_out(&mut module);
    fs::write(wasm, module.emit_wasm()).context("the page's WebAssembly cannot be written")
}

/// Such a function traps from now on; what only they call is gone.
fn take_out(module: &mut Module) {
    let never: Vec<_> = module.exports.iter().filter(|e| is_never_called(&e.name)).map(|e| e.id()).collect();
    for export in never {
        module.exports.delete(export);
    }
    let large = module.funcs.iter_local().filter(|(_, function)| function.size() > SMALL).map(|(id, _)| id);
    let is_one = |id: &FunctionId| module.funcs.get(*id).name.as_deref().is_some_and(never_runs);
    let found: Vec<FunctionId> = large.filter(is_one).collect();
    for id in found {
        let r#type = module.types.get(module.funcs.get(id).ty());
        let (params, results) = (r#type.params().to_vec(), r#type.results().to_vec());
        let mut trap = FunctionBuilder::new(&mut module.types, &params, &results);
        trap.func_body().unreachable();
        let arguments = params.iter().map(|param| module.locals.add(*param)).collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap.local_func(arguments));
    }
    walrus::passes::gc::run(module);
}

#[cfg(test)]
mod tests {
    use walrus::ValType;

    use super::*;

    fn function(module: &mut Module, name: &str, calls: &[FunctionId]) -> FunctionId {
        let mut builder = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[]);
        builder.name(name.to_owned());
        let argument = module.locals.add(ValType::I32);
        let mut body = builder.func_body();
        for called in calls.iter().cycle().take(calls.len() * 40) {
            body.local_get(argument).call(*called);
        }
        builder.finish(vec![argument], &mut module.funcs)
    }

    #[test]
    fn what_never_runs_traps_and_what_only_it_calls_is_gone() {
        let mut module = Module::default();
        let (shared, only) = (function(&mut module, "shared", &[]), function(&mut module, "only", &[]));
        let runs = function(&mut module, "view::hydrate::{{closure}}::h1", &[shared]);
        let never = function(&mut module, "view::hydrate_async::{{closure}}::h0", &[shared, only]);
        module.exports.add("runs", runs);
        module.exports.add("never", never);
        take_out(&mut module);
        let left: Vec<_> = module.funcs.iter().filter_map(|function| function.name.clone()).collect();
        assert!(left.contains(&"shared".to_owned()) && !left.contains(&"only".to_owned()), "{left:?}");
        let again = Module::from_buffer(&module.emit_wasm()).unwrap();
        assert_eq!(again.exports.iter().count(), 2, "both are still there for whoever refers to them");
    }
}
