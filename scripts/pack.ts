/**
 * `npm run pack -- [FOLDER]`: packs what is published into FOLDER (`dist` when none is given) and prints the paths of the
 * tarballs. It works in a temporary folder: nothing else of the checkout changes, so it may run beside anything.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { root } from './packing/compile.ts'
import { npm } from './packing/npm.ts'
import { PUBLISHED, stage } from './packing/stage.ts'

const to = resolve(process.argv[2] ?? join(root, 'dist'))
mkdirSync(to, { recursive: true })
for (const path of await Promise.all(PUBLISHED.map((name) => pack(join(root, 'packages', name))))) console.log(path)

async function pack(folder: string): Promise<string> {
  const stageFolder = mkdtempSync(join(tmpdir(), 'rekey-pack-'))
  try {
    stage(folder, stageFolder)
    copyFileSync(join(folder, 'README.md'), join(stageFolder, 'README.md'))
    const printed = await npm(stageFolder, ['pack', '--pack-destination', to, '--ignore-scripts', '--silent'])
    return join(to, printed.trim())
  } finally {
    rmSync(stageFolder, { recursive: true })
  }
}
