import { POSITION_QUERY, ROLE_ONLY_QUERY, ROLE_QUERY } from '../../src/monitor/role-query.ts'

const ROLE_QUESTIONS: ReadonlySet<string> = new Set([ROLE_QUERY, POSITION_QUERY, ROLE_ONLY_QUERY])

/** Whether a statement of a probe asks for the role, in whatever detail; the others ask who the server is, or which sessions wait. */
export function isRoleQuestion(statement: string): boolean {
  return ROLE_QUESTIONS.has(statement)
}
