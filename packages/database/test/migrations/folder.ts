import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { MigrationSource } from '../../src/migrations/files.ts'

/** A package's folder of migrations for one test. */
export async function sourceOf(
  t: TestContext,
  files: Record<string, string>,
  name = 'sample',
): Promise<MigrationSource> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-migrations-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await Promise.all(Object.entries(files).map(([file, sql]) => writeFile(join(folder, file), sql)))
  return { package: name, folder: pathToFileURL(folder) }
}
