// Makes ../built out of this folder: one script, one stylesheet, the page, and the licences of what is in it. `make dashboard` runs it.
import { readFile, writeFile, mkdir, copyFile } from "node:fs/promises";
import { build } from "esbuild";

const out = process.argv[2] ?? "../built";
await mkdir(out, { recursive: true });
await build({
  entryPoints: { dashboard: "main.js", theme: "theme_first.js" },
  bundle: true, minify: true, format: "iife", target: ["chrome111", "firefox114", "safari16.4"], charset: "utf8", legalComments: "none", outdir: out,
});
await build({ entryPoints: ["dashboard.css"], bundle: true, minify: true, target: ["chrome111", "firefox114", "safari16.4"], charset: "utf8", legalComments: "none", outdir: out });
for (const file of ["index.html", "icon.svg"]) await copyFile(file, `${out}/${file}`);

let text = "What the dashboard is made of besides Holdfast itself, and under which licences.\n";
for (const name of Object.keys(JSON.parse(await readFile("package.json", "utf8")).dependencies)) {
  const about = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
  const licence = (await readFile(`node_modules/${name}/LICENSE`, "utf8")).replaceAll("\r", "").trim();
  text += `\n${"=".repeat(80)}\n${name} ${about.version}, ${about.license}\n${"=".repeat(80)}\n\n${licence}\n`;
}
await writeFile(`${out}/licences.txt`, text);
