import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeEvidenceKey } from '@rekey/breakglass'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { onIncident, open } from './setting.ts'

describe('an instance that cannot use its evidence key', { timeout: 30_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let folder: string
  let file: string
  before(async () => {
    estate = await startEstate()
    folder = await mkdtemp(join(tmpdir(), 'rekey-evidence-key-'))
    file = join(folder, 'evidence.key')
    idp = await estate.instance({ REKEY_EVIDENCE_KEY: `file:${file}` })
  })
  after(async () => {
    await estate.stop()
    await rm(folder, { recursive: true, force: true })
  })

  for (const [why, code, text, mode] of [
    ['because others may read it', 'FILE_FAILED', makeEvidenceKey().pem, 0o644],
    ['because it is none', 'EVIDENCE_INVALID', 'no key', 0o600],
  ] as const) {
    test(`${why} tells its log why, and the caller no path of a file`, async () => {
      await writeFile(file, text)
      await chmod(file, mode)
      const incident = `INC-${mode}`
      const opened = await open(idp, incident, { run: true })
      assert.deepEqual([opened.status, opened.body.code], [500, 'INTERNAL'])
      assert.equal((await onIncident(idp, incident).show()).status, 404)
      assert.equal((await open(idp, incident)).status, 201)
      const resumed = await idp.manage('POST', `/api/v1/incidents/${incident}/run`)
      for (const { status, body } of [opened, resumed]) {
        assert.equal(status, 500)
        assert.deepEqual(Object.keys(body).toSorted(), ['code', 'correlation_id', 'message'])
        assert.ok(!JSON.stringify(body).includes(folder))
        assert.ok(idp.lines.some((line) => line.includes(body.correlation_id) && line.includes(code)))
      }
    })
  }
})
