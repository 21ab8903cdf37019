import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Folders of one package to compile, and where the JavaScript and the declarations go. */
export interface Compilation {
  readonly folder: string
  readonly include: readonly string[]
  readonly rootDir: string
  readonly outDir: string
}

/** Compiles as for publication: JavaScript that Node 20 runs, with declarations beside it. Throws what tsc objects to. */
export function compile({ folder, include, rootDir, outDir }: Compilation): void {
  const scratch = mkdtempSync(join(tmpdir(), 'rekey-compile-'))
  try {
    const project = join(scratch, 'tsconfig.json')
    const compilerOptions = { rootDir: join(folder, rootDir), outDir, typeRoots: [join(root, 'node_modules/@types')] }
    const config = { extends: join(root, 'tsconfig.published.json'), compilerOptions }
    writeFileSync(project, JSON.stringify({ ...config, include: include.map((name) => join(folder, name)) }))
    tsc(['--project', project])
  } finally {
    rmSync(scratch, { recursive: true })
  }
  for (const path of filesBelow(outDir)) if (path.endsWith('.d.ts')) nameJavaScript(join(outDir, path))
}

/** Runs the checkout's tsc; what it objects to is in the message of the error. */
export function tsc(args: readonly string[]): void {
  const program = join(root, 'node_modules/typescript/bin/tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tsc ${args.join(' ')}\n${stdout}${stderr}`)
}

// tsc rewrites './x.ts' in the JavaScript only. A declaration that names './x.ts' is understood by newer compilers alone.
function nameJavaScript(declaration: string): void {
  const text = readFileSync(declaration, 'utf8')
  writeFileSync(declaration, text.replace(/((?:\bfrom|\bimport)[ (]['"]\.[^'"\n]*)\.ts(?=['"])/g, '$1.js'))
}

/** The files below a folder, with forward slashes, in order. */
export function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}
