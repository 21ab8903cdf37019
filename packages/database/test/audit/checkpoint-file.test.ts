import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { CheckpointFile, thinned } from '../../src/audit/checkpoint-file.ts'
import { checkpointLine, linesOfFile, readCheckpointLine } from '../../src/audit/checkpoints.ts'
import { leafHash } from '../../src/audit/merkle/hash.ts'
import { decodeUnverified } from '../../src/audit/note.ts'
import { signer } from './estate.ts'

const noteAt = (size: number) =>
  signer.note({ size, root: leafHash(`root ${size}`), head: leafHash(`${size}`), time: '2026-01-01T00:00:00.000Z' })
const sizeOf = (line: string) => decodeUnverified(readCheckpointLine(line)?.checkpoint ?? '')?.size

describe('the file of checkpoints', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-checkpoints-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('is made when it is missing, for its owner only, and holds what was appended in its order', async () => {
    const path = join(folder, 'made', 'checkpoints')
    const file = new CheckpointFile(path)
    assert.equal(await file.read(), '')
    await file.append(noteAt(1), signer)
    await file.append(noteAt(2), signer)
    assert.deepEqual(linesOfFile(await file.read()).map(sizeOf), [1, 2])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  it('goes on behind a line that was cut short', async () => {
    const path = join(folder, 'torn')
    const file = new CheckpointFile(path)
    await file.append(noteAt(1), signer)
    await appendFile(path, checkpointLine(noteAt(2), signer.publicKey).slice(0, 40))
    await file.append(noteAt(3), signer)
    assert.deepEqual(linesOfFile(await file.read()).map(sizeOf), [1, 3])
  })

  it('keeps, when it has grown, every new checkpoint and some of each stretch of the old', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => checkpointLine(noteAt((i + 1) * 7), signer.publicKey).trim())
    const damaged = '{"checkpoint":"damaged"}'
    const kept = await thinned([damaged, ...lines], signer)
    assert.equal(kept[0], damaged)
    assert.deepEqual(kept.slice(-1024), lines.slice(-1024))
    assert.ok(kept.length > 1500 && kept.length < 2100, `${kept.length}`)
    const sizes = kept.slice(1).map(sizeOf) as number[]
    assert.equal(sizes[0], 7)
    assert.ok(sizes.every((size, i) => i === 0 || (size > (sizes[i - 1] ?? 0) && size - (sizes[i - 1] ?? 0) <= 28)))
  })

  it('thins itself on the disk, and can be read and appended to afterwards', async () => {
    const path = join(folder, 'large')
    const file = new CheckpointFile(path)
    const text = Array.from({ length: 4096 }, (_, i) => checkpointLine(noteAt(i + 1), signer.publicKey)).join('')
    await appendFile(path, text)
    await file.read()
    await file.append(noteAt(4097), signer)
    const kept = linesOfFile(await readFile(path, 'utf8')).map(sizeOf)
    assert.ok(kept.length < 2100)
    assert.deepEqual([kept[0], kept.at(-1)], [1, 4097])
    await file.append(noteAt(4098), signer)
    assert.equal(
      linesOfFile(await file.read())
        .map(sizeOf)
        .at(-1),
      4098,
    )
  })
})
