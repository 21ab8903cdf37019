import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEvidenceFile } from '@rekey/breakglass'
import type { IncidentDocument } from 'rekey'
import { decodeUnverified, send, tokenRequest } from '../estate/http.ts'
import { until } from '../estate/until.ts'
import type { Ran } from './operator.ts'
import type { Incident, Stage } from './stage.ts'
import { keyring } from './stage.ts'

/** What an incident has come to, for everybody who looks, without what is its own: names, keys, times. */
export type End = Awaited<ReturnType<typeof endOf>>

export async function endOf(stage: Omit<Stage, 'undisturbed'>, incident: Incident, { code, stdout, stderr }: Ran) {
  assert.match(stdout, /"steps"/, stderr)
  const document: IncidentDocument = JSON.parse(stdout)
  const { instances, open, notes, contained, frozen, steps, evidence } = document
  const without = (text: string) => anonymous(stage, incident, text)
  return {
    code,
    idps: await Promise.all(stage.estate.idps.map(({ url }) => atInstance(stage, incident, url))),
    contained,
    frozen,
    notDone: steps.filter(({ state }) => state !== 'done').map(({ name }) => name),
    instances: instances.map(({ url, oldRefused, freshAccepted, deniedRefused, worstCase }) => {
      return [without(url), oldRefused, freshAccepted, deniedRefused, worstCase?.text]
    }),
    open: open.map(without),
    notes: notes.map(without),
    evidence: await verified(stage, incident, evidence),
  }
}

/** At one instance of the identity provider. */
async function atInstance({ estate }: Pick<Stage, 'estate'>, { id, kid }: Incident, url: string) {
  const { versions } = await until(`${url} shows ${keyring}`, () => estate.admin.keyring(url, keyring))
  const refused = await estate.admin.call(url, 'POST', '/api/v1/agents', { name: 'late' })
  const denied = await estate.admin.call(url, 'GET', '/api/v1/denied')
  const token = await send(`${url}/api/v1/token`, tokenRequest(estate.agent))
  return {
    key: versions.find((version) => version.id === kid)?.state,
    signsByAnother: decodeUnverified(token.body.access_token).kid !== kid,
    administration: [refused?.status, refused?.body.incident === id],
    deniesTheSessions: denied?.body.entries.some(({ sub }: { sub?: string }) => sub === `mallory-${id}`),
  }
}

/** By somebody who has nothing but the file. */
async function verified({ operator }: Pick<Stage, 'operator'>, { id, kid }: Incident, file: string | null) {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-faults-auditor-'))
  const copy = join(folder, 'evidence.zip')
  await copyFile(file ?? '', copy)
  const verify = ['evidence', 'verify', copy, '--signer', await operator.fingerprint(), '--json']
  const alone = { REKEY_HOME: join(folder, 'home'), INTERNAL_JWKS_REFRESH_TOKEN: undefined }
  const { code, stdout } = await operator.start(verify, alone).ended
  const { incident, keys, record } = JSON.parse(readEvidenceFile(await readFile(copy), 'evidence.json'))
  await rm(folder, { recursive: true, force: true })
  const { consistent, signer, name, proofs } = JSON.parse(stdout)
  return {
    code,
    consistent,
    signer,
    isOfIt: name === id && incident.plan.kid === kid,
    key: keys.after.find((key: { kid: string }) => key.kid === kid)?.state,
    waiting: proofs.waiting,
    incomplete: record.incomplete,
  }
}

function anonymous(
  { estate, polling, caching }: Omit<Stage, 'undisturbed'>,
  { id, kid }: Incident,
  text: string,
): string {
  const names = [...estate.apis.map(({ url, name }) => [url, name]), [polling.url, 'polling'], [caching.url, 'jose']]
  const named = names.reduce((all, [url = '', name = '']) => all.replaceAll(url, name), text)
  return named
    .replaceAll(kid, 'KID')
    .replaceAll(id, 'INC')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
}
