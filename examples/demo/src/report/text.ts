import { type Phase, phases } from '../load/tally.ts'
import type { GateWait } from '../phases/gates.ts'
import { grid } from './grid.ts'
import type { Report } from './report.ts'

const counted: readonly Phase[] = ['first', 'second', 'move', 'naive', 'revocation']

/** What the demo ends with, as lines of at most 100 columns. */
export function reportText(report: Report): string[] {
  const confirmed = inSeconds(report.revocation.confirmedAfterMs)
  return [
    'Failed / all requests, with honest tokens',
    '',
    ...failuresTable(report),
    '',
    ...remarks(report),
    'How long each step had to wait, and for whom',
    '',
    ...gatesTable(report),
    '',
    'For how long the stolen key was still accepted after its revocation',
    '',
    ...survivalTable(report),
    '',
    `  It was committed and confirmed by every instance ${confirmed} after it was asked for.`,
    '',
    verdict(report),
  ]
}

function failuresTable({ targets }: Report): string[] {
  const head = ['', ...counted.map((phase) => phases[phase])]
  const rows = targets.map(({ label, phases: counts }) => [
    label,
    ...counted.map((phase) => `${group(counts[phase].failures)} / ${group(counts[phase].requests)}`),
  ])
  return grid([head, ...rows], 'figures')
}

/** Why requests failed, and how many were refused because they had to be. */
function remarks({ targets }: Report): string[] {
  const lines: string[] = []
  for (const phase of Object.keys(phases) as Phase[]) {
    for (const { label, phases: counts } of targets) {
      const { causes, revoked } = counts[phase]
      const told = Object.entries(causes).map(([cause, count]) => `${group(count)} × ${cause}`)
      if (told.length > 0) lines.push(`  ${phases[phase]}, ${label}: ${told.join(', ')}`)
      if (revoked > 0)
        lines.push(`  ${phases[phase]}, ${label}: ${group(revoked)} × refused with the revoked key, as asked for`)
    }
  }
  return lines.length > 0 ? [...lines, ''] : []
}

function gatesTable({ gates }: Report): string[] {
  const rows = gates.flatMap(({ phase, waits }) =>
    waits.map((wait, index) => [index === 0 ? phases[phase] : '', wait.before, inSeconds(wait.waitedMs), whom(wait)]),
  )
  return grid([['', 'before', 'waited', 'for'], ...rows], 'text')
}

/** Gates are looked at five times a second: whoever confirms sooner may not be seen. */
function whom({ for: parties }: GateWait): string {
  return parties.length > 0 ? parties.map(shortened).join(', ') : 'nobody for long'
}

/** A process is named by a UUID, of which the beginning suffices. */
function shortened(party: string): string {
  return party.replace(/([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '$1')
}

function survivalTable({ targets, revocation }: Report): string[] {
  const rows = targets.flatMap(({ label, revokedKey }) => {
    if (!revokedKey) return []
    const { worked, acceptedForMs } = revokedKey
    if (!worked) return [[label, 'not seen accepting it before']]
    return [[label, acceptedForMs === null ? `> ${revocation.watchMs / 60_000} min` : inSeconds(acceptedForMs)]]
  })
  return grid(rows, 'figures')
}

function verdict({ plannedFailures }: Report): string {
  return plannedFailures === 0
    ? 'Outside the naive rotation no request failed.'
    : `Outside the naive rotation ${group(plannedFailures)} requests failed: that must not be.`
}

function inSeconds(durationMs: number): string {
  const seconds = durationMs / 1_000
  return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`
}

/** 12345 as 12,345. */
function group(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
