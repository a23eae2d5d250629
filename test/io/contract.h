/* contract.h - the groups of contract tests, one per theme; each runs against the chosen engine and
 * returns how many tests failed. */
#ifndef TEST_CONTRACT_H
#define TEST_CONTRACT_H

int contract_turns(void);     /* clauses 1, 2 and 10: threads, waiting, time */
int contract_spinning(void);  /* clause 2: polling before sleeping */
int contract_receiving(void); /* clauses 3 and 4 */
int contract_sending(void);   /* clauses 5 and 6 */
int contract_closing(void);   /* clauses 7, 8 and 9 */
int contract_accepting(void);
int contract_helping(void);   /* clause 10: files, work, watches */

#endif
