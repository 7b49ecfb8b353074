//! Takes out of the page's program what is in it and never runs.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, Module, ModuleConfig};

/// Leptos has these for every piece of a page. The first is how a page comes to life whose program is loaded in parts, the
/// second how one is made from templates; ours does neither. A twentieth of what a browser loads.
const NEVER_RUN: &[&str] = &["hydrate_async", "hydrate_from_template"];

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
    let is_one = |name: &str| NEVER_RUN.iter().any(|part| name.contains(part));
    let named = module.funcs.iter_local().filter_map(|(id, _)| Some((id, module.funcs.get(id).name.as_deref()?)));
    let found: Vec<FunctionId> = named.filter(|(_, name)| is_one(name)).map(|(id, _)| id).collect();
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
        for called in calls {
            body.local_get(argument).call(*called);
        }
        builder.finish(vec![argument], &mut module.funcs)
    }

    #[test]
    fn what_never_runs_traps_and_what_only_it_calls_is_gone() {
        let mut module = Module::default();
        let (shared, only) = (function(&mut module, "shared", &[]), function(&mut module, "only", &[]));
        let runs = function(&mut module, "view::hydrate", &[shared]);
        let never = function(&mut module, "view::hydrate_async::{{closure}}", &[shared, only]);
        module.exports.add("runs", runs);
        module.exports.add("never", never);
        take_out(&mut module);
        let mut left: Vec<_> = module.funcs.iter().filter_map(|function| function.name.clone()).collect();
        left.sort();
        assert_eq!(left, ["shared", "view::hydrate", "view::hydrate_async::{{closure}}"]);
        let again = Module::from_buffer(&module.emit_wasm()).unwrap();
        assert_eq!(again.exports.iter().count(), 2, "both are still there for whoever refers to them");
    }
}
