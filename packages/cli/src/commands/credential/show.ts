import type { Command } from 'commander'
import { findAgent } from '../../client/agents.ts'
import type { CredentialDetail, CredentialVersion } from '../../client/credential.ts'
import { readCredential } from '../../client/credentials.ts'
import { gateSentence } from '../../rotation/gate.ts'
import { print, type Shell } from '../../shell.ts'
import { fromNow, span } from '../../terminal/span.ts'
import { members, table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { agentArgument, credentialArgument } from '../words.ts'
import { dueText, stateOf } from './text.ts'

/** `rekey credential show AGENT CREDENTIAL`: its versions, and who still uses which. */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'show the versions of a credential, and who still uses which')
    .addArgument(agentArgument())
    .addArgument(credentialArgument())
    .action(async (name: string, id: string, _options: object, command: Command) => {
      const client = managementOf(shell)
      const { agentId } = await findAgent(client, name)
      const json = await readCredential(client, agentId, id)
      print(shell, wantsJson(command), { json, text: detailText(json, shell.now()) })
    })
}

function detailText(credential: CredentialDetail, now: number): string {
  const told = members({
    Credential: credential.credentialId,
    Agent: credential.clientId,
    Kind: credential.kind,
    Status: stateOf(credential, now),
    Created: fromNow(credential.createdAt, now),
    Rotated: fromNow(credential.rotatedAt, now),
    Rotation: dueText(credential, now),
    Expires: credential.expiresAt && fromNow(credential.expiresAt, now),
  })
  const gates = (credential.waiting ?? []).map((waiting) => `  ${waiting.step}: ${gateSentence(waiting, now)}`)
  return [told, '', 'Versions', versionsTable(credential, now), ...gates, ...usesSection(credential, now)].join('\n')
}

function versionsTable({ versions }: CredentialDetail, now: number): string {
  const rows = versions.map((version) => [
    version.kid ?? version.id,
    version.state,
    sinceOf(version, now),
    version.seen === 'not seen' ? 'not seen' : fromNow(version.seen.lastAt, now),
    version.seen === 'not seen' ? '' : String(version.seen.count),
  ])
  return table(['VERSION', 'STATE', 'FOR', 'LAST USED', 'USES'], rows)
}

/** For how long it has been in the state that it is in. */
function sinceOf(version: CredentialVersion, now: number): string {
  const { state, preparedAt, activatedAt, retiringAt, retiredAt, revokedAt } = version
  const moments = {
    prepared: preparedAt,
    active: activatedAt,
    retiring: retiringAt,
    retired: retiredAt,
    revoked: revokedAt,
  }
  const at = moments[state]
  return at === undefined ? '' : span(now - Date.parse(at))
}

function usesSection({ versions, recordedSince }: CredentialDetail, now: number): string[] {
  const rows = versions.flatMap(({ id, kid, seen }) =>
    seen === 'not seen'
      ? []
      : seen.addresses.map(({ address, firstAt, lastAt, count }) => [
          address,
          kid ?? id,
          fromNow(firstAt, now),
          fromNow(lastAt, now),
          String(count),
        ]),
  )
  const used = rows.length === 0 ? [] : ['', 'Used from', table(['ADDRESS', 'VERSION', 'FIRST', 'LAST', 'USES'], rows)]
  // Not seen is not unused.
  const since = recordedSince
    ? ['', `Uses have been recorded for ${span(now - Date.parse(recordedSince))}; nothing is known from before.`]
    : []
  return [...used, ...since]
}
