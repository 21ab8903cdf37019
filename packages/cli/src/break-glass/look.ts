import { type IncidentRecord, outcomeOf } from '@rekey/breakglass'
import { print, type Shell } from '../shell.ts'
import { stamp } from '../terminal/moment.ts'
import { table } from '../terminal/table.ts'
import { told } from './errors.ts'
import { tellIncident } from './finish.ts'
import { concerned } from './provider.ts'

/** Shows how far an incident is, and what is open. */
export async function show(shell: Shell, incident: string, idpCommands: string | undefined, asJson: boolean) {
  const seen = await told(
    async () => {
      const { provider } = await concerned(shell, idpCommands)
      return outcomeOf(await provider.journal.load(incident))
    },
    { idpCommands },
  )
  tellIncident(shell, asJson, seen, { idpCommands })
}

/** Shows every incident, the newest first. */
export async function list(shell: Shell, idpCommands: string | undefined, asJson: boolean) {
  const records = await told(async () => (await concerned(shell, idpCommands)).provider.journal.list())
  const incidents = records.map(entry)
  print(shell, asJson, { json: { incidents }, text: listText(incidents) })
}

type Entry = ReturnType<typeof entry>

function entry({ plan, openedAt, openedBy, frozen, steps, claim, now }: IncidentRecord) {
  const due = steps.find(({ state }) => state !== 'done')
  const runner = claim && claim.until > now ? claim.runner : null
  const { incident, kid, reason } = plan
  return { incident, kid, reason, openedAt, openedBy, frozen, due: due?.name ?? null, runner }
}

function listText(incidents: readonly Entry[]): string {
  if (incidents.length === 0) return 'There is no incident.'
  const rows = incidents.map(({ incident, kid, openedAt, frozen, due, runner }) => [
    incident,
    kid,
    stamp(openedAt),
    due === null ? 'carried out' : `at "${due}"${runner === null ? '' : `, by ${runner}`}`,
    frozen ? 'frozen' : '',
  ])
  return table(['INCIDENT', 'KEY', 'OPENED', 'STATE', 'ADMINISTRATION'], rows)
}
