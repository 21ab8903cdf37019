import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { concerned } from '../../src/break-glass/provider.ts'
import { replaceRootKey } from '../../src/break-glass/replace-root-key.ts'
import { temporaryFolder } from '../folder.ts'
import { playIdp, Refusal } from '../idp.ts'
import { shellWith } from '../shell.ts'
import { plan, record } from './record.ts'

// The newest hundred are not among these.
const answers: Record<string, unknown> = { 'GET /incidents': { incidents: [] } }
const idp = await playIdp(answers)
after(() => idp.close())

async function asked(): Promise<unknown> {
  const REKEY_HOME = temporaryFolder()
  const admin = { clientId: 'a', clientSecret: 'b' }
  writeFileSync(join(REKEY_HOME, 'estate.json'), JSON.stringify({ idp: idp.url, admin }))
  const shell = shellWith({ REKEY_HOME })
  return await replaceRootKey({ ...plan, suspectStore: true }, await concerned(shell, undefined), shell)
}

test('no root key is replaced for an incident that began before, however many came after it', async () => {
  answers['GET /incidents/INC-42'] = record()
  await asked()
  assert.deepEqual(idp.lines(), ['GET /incidents/INC-42'])
})

test('for one that nobody knows yet it is found out first whether it would begin', async () => {
  answers['GET /incidents/INC-42'] = new Refusal(404, 'UNKNOWN_INCIDENT', 'there is none')
  answers['POST /incidents'] = new Refusal(404, 'UNKNOWN_KID', 'no such key')
  await assert.rejects(asked(), { code: 'UNKNOWN_KID' })
})
