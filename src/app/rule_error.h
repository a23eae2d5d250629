/* rule_error.h - what is wrong with a file of rules, for the sentence that tells the operator. */
#ifndef APP_RULE_ERROR_H
#define APP_RULE_ERROR_H

struct rule_error {
    unsigned line;   /* from 1; 0 when it is no line's fault */
    const char *why; /* static; reads on from "line N: " */
};

#endif
