import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from '../../repository.ts'

export const prometheusFolder = join(root, 'deploy/prometheus')

export interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export function rules(): Rule[] {
  const { groups } = parse(readFileSync(join(prometheusFolder, 'rules/rekey.yml'), 'utf8'))
  return groups.flatMap((group: { rules: Rule[] }) => group.rules)
}

export type Alert = Rule & Required<Pick<Rule, 'alert' | 'for' | 'labels' | 'annotations'>>

export const alerts = (): Alert[] => rules().filter((rule): rule is Alert => rule.alert !== undefined)

interface Case {
  readonly name: string
  readonly alert_rule_test: readonly { alertname: string; exp_alerts?: readonly unknown[] }[]
}

/** The tests for promtool. */
export function cases(): Case[] {
  const folder = join(prometheusFolder, 'tests')
  return readdirSync(folder).flatMap((name) => parse(readFileSync(join(folder, name), 'utf8')).tests)
}

interface Panel {
  readonly title: string
  readonly type: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly expr: string }[]
}

export function panels(): Panel[] {
  return JSON.parse(readFileSync(join(root, 'deploy/grafana/dashboard.json'), 'utf8')).panels
}
