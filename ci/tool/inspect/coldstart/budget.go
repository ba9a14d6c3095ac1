package coldstart

import (
	"errors"
	"fmt"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Judge compares the images with the budgets of their functions. The fastest start is compared
// with that of the program that does nothing, which was started in turn with them: a slow
// machine makes both longer, and a busy one less than the others.
func (r *Report) Judge(functions []catalog.Function) {
	budgets := map[string]catalog.Function{}
	for _, f := range functions {
		budgets[f.Image] = f
	}
	for _, i := range r.Images {
		f := budgets[i.Image]
		over := func(field, format string, args ...any) {
			r.OverBudget = append(r.OverBudget, fmt.Sprintf("%s: %s (%s); start less, or raise `budget.%s` in %s/%s and say why",
				i.Image, fmt.Sprintf(format, args...), f.Budget.Reason, field, f.Folder, catalog.DescriptionFile))
		}
		if later, most := i.Init.FastestMs-r.Hello.Init.FastestMs, f.Budget.InitMs; most > 0 && later > most {
			over("initMs", "its first request for an event is %s ms after that of hello, and its budget is %s", ms(later), ms(most))
		}
		if most := f.Budget.Blocks; most > 0 && i.Init.Blocks > most {
			over("blocks", "%d blocks are read before its first request for an event, and its budget is %d", i.Init.Blocks, most)
		}
	}
}

// Err returns an error that names what is over its budget, or nil.
func (r *Report) Err() error {
	var all []error
	for _, text := range r.OverBudget {
		all = append(all, errors.New("cold start of "+text))
	}
	return errors.Join(all...)
}
