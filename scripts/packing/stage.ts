import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, filesBelow, root } from './compile.ts'
import { type Manifest, publishedManifest } from './manifest.ts'

/** The packages that are published; every other one is only for this repository. */
export const PUBLISHED = ['verifier', 'redact'] as const

/** Puts what a package publishes and does not keep in its own folder (dist, LICENSE, package.json) into an empty folder. */
export function stage(folder: string, stageFolder: string): void {
  const dist = join(stageFolder, 'dist')
  compile({ folder, include: ['src'], rootDir: 'src', outDir: dist })
  const workspace = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const manifest = publishedManifest(workspace, { nodeTypes: mentionsNode(dist) })
  writeFileSync(join(stageFolder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  copyFileSync(join(root, 'LICENSE'), join(stageFolder, 'LICENSE'))
}

function mentionsNode(dist: string): boolean {
  const declarations = filesBelow(dist).filter((path) => path.endsWith('.d.ts'))
  return declarations.some((path) => /['"]node:|types="node"/.test(readFileSync(join(dist, path), 'utf8')))
}
