// The page's modules end in .js, which Node takes for CommonJS where no package.json says otherwise.
import { readFile } from "node:fs/promises";

/** Imports a module of the console that imports no other. */
export async function page(name) {
  const source = await readFile(new URL(`../../mockpbx/console/${name}`, import.meta.url));
  return import(`data:text/javascript;base64,${source.toString("base64")}`);
}
