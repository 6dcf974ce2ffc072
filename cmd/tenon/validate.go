package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/mapping"
)

// validation is the JSON output of validate.
type validation struct {
	OK       bool             `json:"ok"`
	Offline  bool             `json:"offline"`
	Mappings []string         `json:"mappings"`
	Accounts []accountRow     `json:"accounts"`
	Problems mapping.Problems `json:"problems"`
}

type accountRow struct {
	Connection string   `json:"connection"`
	System     string   `json:"system,omitempty"`
	Name       string   `json:"name,omitempty"`
	Missing    []string `json:"missing,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
	Error      string   `json:"error,omitempty"`
}

func (c *cli) validateCommand() *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check tenon.yaml and the mappings, and the accounts unless --offline",
		Long: `Checks tenon.yaml and all mapping files and shows every problem with its place.
Without --offline it also asks each system who we are, what we may do and how
the objects look, and checks the mappings against that. Nothing is written.

Exit code 0: all is well. 3: there are errors. 5: a system could not be asked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.validate(cmd, offline) },
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "ask no system and need no secrets")
	return cmd
}

func (c *cli) validate(cmd *cobra.Command, offline bool) error {
	result := validation{Offline: offline, Mappings: []string{}, Accounts: []accountRow{}, Problems: mapping.Problems{}}
	cfg, problems := config.Load(c.configPath, c.registry, config.Options{NoSecrets: offline})
	result.Problems = append(result.Problems, problems...)
	var asked error
	if cfg != nil {
		files, ps, err := parseMappings(cfg.Mappings)
		result.Problems = append(result.Problems, ps...)
		if err != nil {
			return err
		}
		if offline {
			files, ps := checkConnections(cfg, files)
			result.Problems = append(result.Problems, ps...)
			for _, f := range files {
				result.Mappings = append(result.Mappings, f.Name)
			}
		} else if asked, err = c.validateOnline(cmd, cfg, files, &result); err != nil {
			return err
		}
	}
	result.OK = result.Problems.Err() == nil && asked == nil
	if c.json() {
		if err := c.printJSON(result); err != nil {
			return err
		}
		if !result.OK {
			return &failure{code: verdictCode(result, asked), err: fmt.Errorf("not in order")}
		}
		return nil
	}
	return c.showValidation(result, asked)
}

func verdictCode(v validation, asked error) int {
	if v.Problems.Err() != nil || asked == nil {
		return exitConfig
	}
	return exitSystem
}

// validateOnline asks the systems; asked is why one could not be asked.
func (c *cli) validateOnline(cmd *cobra.Command, cfg *config.Config, files []*mapping.File, result *validation) (asked, err error) {
	conns, done, err := c.accounts(cmd.Context(), cfg)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, conn := range cfg.Connections {
		row := accountRow{Connection: conn.Name}
		a, err := conns[conn.Name].Check(cmd.Context())
		if err != nil {
			asked, row.Error = err, err.Error()
		}
		row.System, row.Name, row.Missing, row.Warnings = a.System, a.Name, a.Missing, a.Warnings
		result.Accounts = append(result.Accounts, row)
	}
	compiled, ps, err := compileMappings(cmd.Context(), cfg, files, conns, conns)
	result.Problems = append(result.Problems, ps...)
	for _, m := range compiled {
		result.Mappings = append(result.Mappings, m.Name())
	}
	if asked == nil {
		asked = err
	}
	return asked, nil
}

func (c *cli) showValidation(v validation, asked error) error {
	for _, a := range v.Accounts {
		if a.Error == "" {
			fmt.Fprintf(c.stdout, "%s: %s as %s\n", a.Connection, oneLine(a.System), oneLine(a.Name))
		} else {
			fmt.Fprintf(c.stdout, "%s: %s\n", a.Connection, oneLine(a.Error))
		}
		for _, m := range a.Missing {
			fmt.Fprintf(c.stdout, "  missing: %s\n", oneLine(m))
		}
		for _, w := range a.Warnings {
			fmt.Fprintf(c.stdout, "  warning: %s\n", oneLine(w))
		}
	}
	for _, m := range v.Mappings {
		fmt.Fprintf(c.stdout, "mapping %s: sound\n", m)
	}
	if err := c.problems(v.Problems); err != nil {
		return err
	}
	if asked != nil {
		return fail(exitSystem, "correct the credentials, or try again later", "%w", asked)
	}
	return nil
}
