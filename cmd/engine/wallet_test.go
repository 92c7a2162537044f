package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// stoppedFolder is a data folder of an engine that was started once.
func stoppedFolder(t *testing.T) string {
	t.Helper()
	c := quietConfig(t)
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	return c.data
}

const buyersCSV = `buyer,gateway,token,brand,last_four,expiry_month,expiry_year,purchases,last_purchase_at,agreement,saved_at
anna,sandbox,sbx_ok,visa,4242,12,2099,3,2099-01-01T00:00:00Z,terms-1,2024-01-01T00:00:00Z
bert,sandbox,sbx_ok_2,visa,1881,1,2020,1,2099-01-01T00:00:00Z,terms-1,2024-01-01T00:00:00Z
carl,sandbox,sbx_ok_3,visa,1881,1,2099,1,2099-01-01T00:00:00Z,,
dora,sandbox,sbx_ok_4,visa,1881,1,2099,0,,terms-1,
`

func importResult(t *testing.T, args ...string) (imported, error) {
	t.Helper()
	out, err := engineRun(t, append([]string{"wallet", "import", "--json", "--log-level", "error"}, args...)...)
	var r imported
	if err2 := json.Unmarshal([]byte(out), &r); err2 != nil {
		t.Fatalf("%v, %v\n%s", err2, err, out)
	}
	return r, err
}

func TestImportBringsBuyers(t *testing.T) {
	data := stoppedFolder(t)
	file := write(t, "buyers.csv", buyersCSV)
	want := func(r imported, err error, rows, taken, buyers, active, eligible int64) {
		t.Helper()
		if err != nil || r.Rows != rows || r.Taken != taken || r.Buyers != buyers || r.Active != active || r.Eligible != eligible {
			t.Errorf("%+v, %v", r, err)
		}
	}
	r, err := importResult(t, file, "--dry-run")
	want(r, err, 4, 4, 4, 3, 1)
	if r.Why["method_expired"] != 1 || r.Why["no_agreement"] != 1 {
		t.Errorf("why not: %v", r.Why)
	}
	r, err = importResult(t, file, "--data", data)
	want(r, err, 4, 4, 4, 3, 1)
	before := must(t, "verify", data, "--json")
	r, err = importResult(t, file, "--data", data) // again: nothing changes
	want(r, err, 4, 4, 4, 3, 1)
	if a, b := walletFacts(t, before), walletFacts(t, must(t, "verify", data, "--json")); b-a > 1 { // the start itself is one
		t.Errorf("the same file again added facts: %d, %d", a, b)
	}
	lines := write(t, "more.jsonl", `{"buyer":"dora","purchases":2,"last_purchase_at":"2099-01-01T00:00:00Z"}

{"buyer":"emil","gateway":"sandbox","token":"sbx_ok_5","kind":"card","default":true,"expiry_month":1,"expiry_year":2099,"purchases":1,"agreement":"terms-1","agreement_cap_minor":20000,"agreement_currency":"EUR"}
`)
	r, err = importResult(t, lines, "--data", data)
	want(r, err, 2, 2, 5, 5, 3)
	wants(t, must(t, "wallet", "show", "emil", "--data", data), "one click  yes", "method m1", "expires 2099-01")
	wants(t, must(t, "wallet", "export", "anna", "--data", data), `"brand": "visa"`, `"last_four": "4242"`, `"version": "terms-1"`, "held sealed")
	if strings.Contains(must(t, "wallet", "export", "anna", "--data", data), "sbx_ok") {
		t.Error("an export shows a token")
	}
	wants(t, must(t, "wallet", "erase", "anna", "--data", data), "anna is forgotten")
	if _, err := engineRun(t, "wallet", "show", "anna", "--data", data); err == nil || !strings.Contains(err.Error(), "buyer_unknown") {
		t.Errorf("after an erasure: %v", err)
	}
	wants(t, must(t, "wallet", "erase", "anna", "--data", data), "anna is forgotten")
	must(t, "verify", data)
}

// walletFacts is how many facts the wallets in a folder have.
func walletFacts(t *testing.T, verified string) int64 {
	t.Helper()
	var r struct {
		Facts int64 `json:"facts"`
	}
	if err := json.Unmarshal([]byte(verified), &r); err != nil {
		t.Fatal(err)
	}
	return r.Facts
}

// TestImportRefusesRows: what is refused is shown by its line and never repeated; the others go on.
func TestImportRefusesRows(t *testing.T) {
	const card = "4242424242424242"
	rows := "buyer,gateway,token,customer,purchases,last_four\n" +
		"anna,sandbox," + card + ",,1,\n" +
		"bert,sandbox,tok_1,４２４２ ４２４２ ４２４２ ４２４２,1,\n" +
		"carl,sandbox,tok_2,,many,\n" +
		"dora,sandbox,tok_3,,1,\n" +
		"emil,sandbox,123,,1,\n" +
		"fred,sandbox,tok_4,cvc 123,1,\n" +
		"gina,sandbox,sk_live_abc,,1,\n" +
		"hugo\n" +
		",sandbox,tok_5,,1,4242\n"
	r, err := importResult(t, write(t, "buyers.csv", rows), "--dry-run")
	if err == nil || r.Rows != 9 || r.Taken != 1 || r.Refused != 8 || len(r.Shown) != 8 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, row := range r.Shown {
		if row.Line < 2 || row.Why == "" || strings.Contains(row.Why, card) || strings.Contains(row.Why, "４２４２") || strings.Contains(row.Why, "sk_live") || strings.Contains(row.Why, "123") {
			t.Errorf("shown as %+v", row)
		}
	}
	for name, content := range map[string]string{
		"a.csv": "buyer,card_number\nanna,x\n", "b.csv": "buyer," + card + "\n", "c.csv": "", "d.txt": "buyer\n",
	} {
		out, err := engineRun(t, "wallet", "import", write(t, name, content), "--dry-run")
		if err == nil || strings.Contains(err.Error()+out, card) {
			t.Errorf("%s is read: %v\n%s", name, err, out)
		}
	}
	for i, line := range []string{`{"buyer":"anna","cvc":"123"}`, `{"buyer":"anna","token":["x"]}`, `nonsense`, `{"buyer":"anna","saved_at":"yesterday","token":"tok"}`} {
		r, err := importResult(t, write(t, fmt.Sprintf("%d.jsonl", i), line), "--dry-run")
		if err == nil || r.Refused != 1 {
			t.Errorf("%s: %+v, %v", line, r, err)
		}
	}
	endless := strings.Repeat("x", 2*rowBytesMax)
	for name, text := range map[string]string{"long.jsonl": `{"buyer":"` + endless + `"}`, "long.csv": "buyer,gateway,token\n\"" + endless, "names.csv": endless} {
		if _, err := engineRun(t, "wallet", "import", write(t, name, text), "--dry-run"); err == nil || !strings.Contains(err.Error(), "longer than") {
			t.Errorf("an endless line of %s: %v", name, err)
		}
	}
}
