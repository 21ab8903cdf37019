import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** An empty folder that is gone after the test. */
export async function emptyFolder(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-verifier-'))
  // What the test opened since is closed after this, and may be writing just now.
  test.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  return folder
}
